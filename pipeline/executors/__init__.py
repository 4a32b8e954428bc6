"""Where stacks train: in this process, in processes beside it, or on the nodes of a Ray cluster. Numbers do not differ."""
