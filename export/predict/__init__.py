"""What a network says about pictures: the class, the share of each class of pixels, or who a face is."""
