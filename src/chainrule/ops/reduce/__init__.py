"""What makes one value of many.

Sums, extremes, norms of vectors, running sums, order, counts, and the same under a mask.
"""
