//! The function from outside: requests and responses, with a real Postgres.
//!
//! `DATABASE_URL` names a server on which these tests may create databases; without it they fail.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod answers;
mod counts;
mod exports;
mod folding;
mod found;
mod found_in_any_spelling;
mod gateway;
mod hostile;
mod message_events;
mod meta;
mod openapi;
mod oracle;
mod outages;
mod overlong_words;
mod plans;
mod providers;
mod refusals;
mod rejected;
mod schema;
mod service;
mod sizes;
mod sql;
mod sums;
mod walk;
mod whole_texts;
