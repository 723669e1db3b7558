//! The store on a real Postgres, with a new database for each test.
//!
//! `DATABASE_URL` names a server on which databases may be created.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_rows;
mod concurrency;
mod free_sql;
mod interruption;
mod load;
mod logins;
mod maintenance;
mod merge;
mod metadata_index;
mod old_events;
mod partition;
mod read;
mod renamed;
mod restore;
mod roles;
mod round_trip;
mod samples;
mod support;
mod tls;
mod twenty_years;
mod unfolded_index;
