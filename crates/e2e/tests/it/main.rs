//! The deployed local stack, from outside. One binary, so that every test shares one build and
//! the tests that cause an outage can hold off the others ([`stack::Stack::exclusive`]).

mod stack;
mod walker;

mod accounting;
mod authentication;
mod clients;
mod exactly_once;
mod hostile_queries;
mod large_batches;
mod logs;
mod outages;
mod recorded_answers;
mod search;
