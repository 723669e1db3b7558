//! The deployed local stack, from outside. One binary, so that every test shares one build and the tests that cause an
//! outage can exclude the others ([`stack::Stack::exclusive`]).

mod aws;
mod function;
mod keys_secret;
mod lake;
mod neighbour;
mod refusing_firehose;
mod stack;
mod visibility;
mod walker;

mod accounting;
mod authentication;
mod authentication_table;
mod cases;
mod clients;
mod console;
mod deployments;
mod erasure;
mod exactly_once;
mod forwarding;
mod guarantees;
mod hostile_queries;
mod interop;
mod large_batches;
mod logs;
mod openapi;
mod operator;
mod outages;
mod pages;
mod product_event_outages;
mod product_events;
mod recorded_answers;
mod rights;
mod routing;
mod search;
mod senders;
mod smoke;
mod trackers;
mod two_stacks;
