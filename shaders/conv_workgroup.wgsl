// A convolution or its gradient by x (lib/conv_gather.wgsl) in workgroup memory.

//#include "lib/conv_gather.wgsl"
//#include "lib/conv_aligned.wgsl"
//#include "lib/product_workgroup.wgsl"
