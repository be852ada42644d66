"""Who a caller is and what it may reach: tokens, identities, access; and the gateway's own login at a database."""
