// A convolution or its gradient by x (lib/conv_gather.wgsl) in workgroup memory, any number of channels.

//#include "lib/conv_gather.wgsl"
//#include "lib/conv_any.wgsl"
//#include "lib/product_workgroup.wgsl"
