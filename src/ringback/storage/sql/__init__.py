"""What every store that speaks SQL shares: the verbs, and the parts of ``Store`` made of them."""
