"""Every query lives here, a class per table around the session of a transaction. They flush; whoever opened the
transaction commits it."""
