"""How a person's skin folds and shades with each Action Unit, learned from the clip itself."""
