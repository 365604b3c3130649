// Workgroup-memory matmul for any sizes: scalar loads, zeros outside.

//#include "lib/matmul_parameters.wgsl"
//#include "lib/matmul_any.wgsl"
//#include "lib/product_workgroup.wgsl"
