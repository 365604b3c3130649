// A convolution or its gradient by x (lib/conv_gather.wgsl) in registers, any number of channels.

//#include "lib/conv_gather.wgsl"
//#include "lib/conv_any.wgsl"
//#include "lib/rows_own.wgsl"
//#include "lib/product_registers.wgsl"
