//! Lists of objects, such as the products of an order.

use event_model::json::JsonObject;

/// A JSON array of objects under construction. Each is written at the end of the array's text, so a list takes little more
/// memory than its text, however many items it has: 1 MiB has room for 350,000 products without anything.
#[derive(Debug, Default)]
pub(super) struct ItemList(Vec<u8>);

impl ItemList {
    /// Begins the next item, which the caller ends.
    pub(super) fn begin_item(&mut self) -> JsonObject<&mut Vec<u8>> {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        JsonObject::begin(&mut self.0)
    }

    /// The array; `None` if it has no items.
    pub(super) fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push(b']');
        Some(String::from_utf8(self.0).expect("written from text and ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_an_array_and_none_is_nothing() {
        let mut list = ItemList::default();

        list.begin_item().end();
        let mut item = list.begin_item();
        item.text("id", "a");
        item.integer("n", 1);
        item.end();

        assert_eq!(list.finish().as_deref(), Some(r#"[{},{"id":"a","n":1}]"#));
        assert_eq!(ItemList::default().finish(), None);
    }

    #[test]
    fn list_takes_little_more_memory_than_its_text() {
        let mut list = ItemList::default();

        for _ in 0..350_000 {
            list.begin_item().end();
        }

        let json = list.finish().unwrap();
        assert!(json.capacity() <= 2 * json.len() + 8, "{}", json.capacity());
    }
}
