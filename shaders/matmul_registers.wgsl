// Register-blocked matmul for sizes that are multiples of 4 along every contiguous axis and along `inner`:
// all loads and stores are vec4 and need no guards in the inner loop.

//#include "lib/matmul_parameters.wgsl"
//#include "lib/matmul_aligned.wgsl"
//#include "lib/rows_own.wgsl"
//#include "lib/product_registers.wgsl"
