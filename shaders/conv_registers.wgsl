// A convolution or its gradient by x (lib/conv_gather.wgsl) in registers.

//#include "lib/conv_gather.wgsl"
//#include "lib/conv_aligned.wgsl"
//#include "lib/rows_own.wgsl"
//#include "lib/product_registers.wgsl"
