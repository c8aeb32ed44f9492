"""What a detector loses on fakes of a generator that it was not trained on."""
