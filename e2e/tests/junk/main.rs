//! Junk of every shape, at the sizes that the gateways accept, against each function's own program under a hard
//! limit: the memory that the template gives it. No function may die of it, and what is good beside it is done in the same
//! invocation.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authorizer;
mod compactor;
mod forwarder;
mod http;
mod lambda;
mod lies;
mod objects;
mod query;
mod shapes;
