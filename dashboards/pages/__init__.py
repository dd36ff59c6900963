"""What the built-in pages draw: judged days in, shapes and plain words out. The templates beside this file place them."""
