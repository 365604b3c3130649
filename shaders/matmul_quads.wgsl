// matmul_registers for adapters with subgroups: four invocations share the loads of their common rows.
// It takes the four to be neighbours along x, which holds on the adapters it is chosen for (tests check it).

enable subgroups;

//#include "lib/matmul_parameters.wgsl"
//#include "lib/matmul_aligned.wgsl"
//#include "lib/rows_quad.wgsl"
//#include "lib/product_registers.wgsl"
