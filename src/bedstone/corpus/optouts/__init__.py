"""What sites and pages say of the use of their texts: robots.txt, headers, markup."""
