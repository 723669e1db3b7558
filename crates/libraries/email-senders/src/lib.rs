#![doc = include_str!("../README.md")]

mod body;
mod bounce_class;
mod delivery;
mod event_key;
mod fields;
mod known;
mod proof;
mod provider;
mod recipe;
mod rows;
mod sender;
mod senders;
mod setup;
mod sns;
mod time_text;

pub use delivery::{Delivery, TranslatedItem, to_sparkpost};
pub use known::{DocumentError, Senders, UnknownSender};
pub use proof::{MAX_SKEW_SECONDS, Received, Refused, standard_webhooks_signature};
pub use recipe::{MAX_DOCUMENT_BYTES, Recipe, RecipeError};
pub use sender::{Proof, Sender};
pub use setup::{SecretOrigin, Setup, TestDelivery, Trial};
pub use sns::{CertificateError, Purpose, SigningCertificate, SnsUrl};
