#![doc = include_str!("../README.md")]

mod bounce_class;
mod event_key;
mod fields;
mod proof;
mod rows;
mod sender;
mod senders;
mod setup;
mod split;
mod time_text;

pub use proof::{MAX_SKEW_SECONDS, Received, Refused, standard_webhooks_signature};
pub use sender::{Proof, Sender};
pub use setup::{SecretOrigin, Setup, TestDelivery, Trial};
pub use split::{TranslatedItem, is_translated, to_sparkpost, translated_items};
