// The numbers that choose what happens to a sum before it is stored; shared by matmul and sum.

//#include "activation.wgsl"

override HAS_BIAS: bool = false;
override ACTIVATION: u32 = 0u;
override DERIVATIVE: u32 = 0u;
