// A convolution's gradient by its weight (lib/conv_weight.wgsl) in registers, loads of rows shared by a quad, any
// number of channels.

enable subgroups;

//#include "lib/conv_weight.wgsl"
//#include "lib/conv_weight_any.wgsl"
//#include "lib/rows_quad.wgsl"
//#include "lib/product_registers.wgsl"
