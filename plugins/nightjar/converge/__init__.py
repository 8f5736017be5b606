"""Which stages of which days are unfinished, from what each was made of, and what starts them."""
