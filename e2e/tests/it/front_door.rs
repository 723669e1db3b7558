//! The way in: which paths lead where, and that nothing but the gateway's route and path decides about it.

mod bare;
mod lies;
mod spellings;
