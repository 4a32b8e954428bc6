"""Where stacks train: in this process, in processes of their own, or on a Ray cluster. Numbers do not differ."""
