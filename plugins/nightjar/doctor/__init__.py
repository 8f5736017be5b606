"""`nightjar doctor`: whether everything that a night needs is there and as it must be, one module a part."""
