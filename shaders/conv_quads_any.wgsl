// A convolution or its gradient by x (lib/conv_gather.wgsl) in registers, loads of rows shared by a quad, any
// number of channels.

enable subgroups;

//#include "lib/conv_gather.wgsl"
//#include "lib/conv_any.wgsl"
//#include "lib/rows_quad.wgsl"
//#include "lib/product_registers.wgsl"
