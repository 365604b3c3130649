// matmul_registers_any with loads of rows shared by a quad.

enable subgroups;

//#include "lib/matmul_parameters.wgsl"
//#include "lib/matmul_any.wgsl"
//#include "lib/rows_quad.wgsl"
//#include "lib/product_registers.wgsl"
