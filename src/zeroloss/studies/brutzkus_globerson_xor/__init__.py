"""When do larger networks generalise better? XOR detection, and few filters against many on images."""
