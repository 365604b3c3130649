// A convolution's gradient by its weight (lib/conv_weight.wgsl) in workgroup memory.

//#include "lib/conv_weight.wgsl"
//#include "lib/conv_weight_aligned.wgsl"
//#include "lib/product_workgroup.wgsl"
