"""How sure a number is: intervals, and paired differences."""
