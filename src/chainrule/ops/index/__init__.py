"""Parts of tensors: reading by index, writing by index, scattering and gathering."""
