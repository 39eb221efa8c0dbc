"""Products, contractions, factorisations, solving, functions of matrices, distances."""
