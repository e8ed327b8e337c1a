"""The ordinary routes, by subject: reads of the floor, the state of the box, devices, and the console's session."""
