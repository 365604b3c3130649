// A convolution's gradient by its weight (lib/conv_weight.wgsl) in workgroup memory, any number of channels.

//#include "lib/conv_weight.wgsl"
//#include "lib/conv_weight_any.wgsl"
//#include "lib/product_workgroup.wgsl"
