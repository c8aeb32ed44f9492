"""A fitted classifier, however wrapped -> what it says, and what it is made of."""
