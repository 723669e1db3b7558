//! How long a request is, measured so that no link of its answer is longer.
//!
//! Links repeat the parameters of their request, and encode more of them than many clients do. If the request were measured as it was
//! sent, its link could be refused.

use crate::dialect::Dialect;
use crate::query_string::{encoded_len, pairs};

/// Given by the page and its range, which are short, and not by what is searched for. Links replace them.
const OF_THE_PAGE: [&str; 4] = ["cursor", "from", "page", "to"];

/// The length in bytes of a path and its parameters as links write them, without those that give the page and its range.
pub fn request_length(path: &str, query_string: &str) -> usize {
    // Pages of one event's id are pages of a search for it.
    let id = path
        .strip_prefix(Dialect::Events.path())
        .and_then(|rest| rest.strip_prefix('/'));
    let path_length = match id {
        Some(id) => {
            Dialect::Events.path().len() + "?event_ids=&delimiter=%21".len() + encoded_len(id)
        }
        None => path.len(),
    };
    let parameters = pairs(query_string)
        .filter(|pair| !OF_THE_PAGE.contains(&pair.name().as_ref()))
        .map(|pair| pair.encoded_len() + "&=".len());
    // Links leave these out, but they take time to pass over.
    let empty = query_string.split('&').skip(1).filter(|it| it.is_empty());
    path_length + parameters.sum::<usize>() + empty.count()
}
