// Register-blocked matmul for any sizes: scalar loads, zeros outside. Slower than matmul_registers by the
// guards; used for odd sizes (a latent of 2, 33 columns), where it matters little.

//#include "lib/matmul_parameters.wgsl"
//#include "lib/matmul_any.wgsl"
//#include "lib/rows_own.wgsl"
//#include "lib/product_registers.wgsl"
