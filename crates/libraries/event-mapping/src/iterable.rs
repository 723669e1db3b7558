//! Requests and responses of Iterable's API for events, purchases and profiles.
//!
//! Based on Iterable's own Swagger file, API version 1.8: <https://api.iterable.com/api/docs>. The types render
//! themselves, so that numbers keep their digits, and parse responses leniently, because Iterable may add fields.

mod bulk_response;
mod error_response;
mod purchase;
mod track;
mod user;
mod user_update;

pub use self::bulk_response::{BulkResponse, FailedUser};
pub use self::error_response::{ErrorResponse, ItemError};
pub use self::purchase::{CommerceItem, TrackPurchaseRequest};
pub use self::track::{TrackRequest, track_bulk_body};
pub use self::user::{MAX_USER_ID_CHARS, User, UserError};
pub use self::user_update::{UserUpdate, bulk_update_body};

/// Accepts up to [`MAX_BULK_ITEMS`] custom events.
pub const TRACK_BULK_PATH: &str = "/api/events/trackBulk";
/// Accepts one purchase.
pub const TRACK_PURCHASE_PATH: &str = "/api/commerce/trackPurchase";
/// Accepts up to [`MAX_BULK_ITEMS`] profile updates, and creates the users that do not exist.
pub const BULK_UPDATE_PATH: &str = "/api/users/bulkUpdate";

/// The longest `id` of an event or purchase, in bytes.
pub const MAX_ID_BYTES: usize = 512;
/// How many items go into one bulk request. Not published; what Iterable's own connections use.
pub const MAX_BULK_ITEMS: usize = 1_000;
/// The largest body of a bulk request. Published for `bulkUpdate`, and confirmed for `trackBulk` by Iterable's engineers.
pub const MAX_BODY_BYTES: usize = 4_000_000;
