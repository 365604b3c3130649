// Workgroup-memory matmul for sizes that are multiples of 4 (see lib/matmul_aligned.wgsl).

//#include "lib/matmul_parameters.wgsl"
//#include "lib/matmul_aligned.wgsl"
//#include "lib/product_workgroup.wgsl"
