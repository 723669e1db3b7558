#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod assets;
mod bounce_class;
mod buckets;
mod chart;
mod config;
mod cookie;
mod family;
mod filter;
mod forwarding;
mod guard;
mod keys;
mod lake;
mod opening;
mod page;
mod price;
mod queues;
mod range;
mod rates;
mod reconciliation;
mod request_origin;
mod router;
mod search;
mod session;
mod shape;
mod sign_in;
mod stack_keys;
mod text;
mod throttle;

pub use config::{Config, Deps, Origin};
pub use keys::{KeySource, QueryKeys};
pub use lake::LakeSettings;
pub use queues::QueueUrls;
pub use router::{ROUTES, router};
pub use stack_keys::StackKeys;
