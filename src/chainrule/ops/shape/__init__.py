"""Other shapes of the same elements.

Views, rearranging, joining and splitting, diagonals and triangles. `views.py` is the short way that
every view op takes.
"""
