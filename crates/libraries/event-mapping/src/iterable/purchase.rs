//! Purchases.

use std::borrow::BorrowMut;

use event_model::json::JsonObject;

use super::User;

/// The body of `trackPurchase`. It empties the user's cart at Iterable and creates the user if necessary.
#[derive(Clone, Debug)]
pub struct TrackPurchaseRequest<'a> {
    /// The user.
    pub user: &'a User,
    /// Its id, at most [`MAX_ID_BYTES`](super::MAX_ID_BYTES). An existing purchase of that id is updated.
    pub id: &'a str,
    /// When it happened, **seconds** since the Unix epoch.
    pub created_at: i64,
    /// The total, a JSON number.
    pub total: &'a str,
    /// The items, a JSON array, each as written by [`CommerceItem::write`].
    pub items: &'a str,
    /// All other fields.
    pub data_fields: JsonObject,
}

/// One line of a purchase.
#[derive(Clone, Debug)]
pub struct CommerceItem<'a> {
    /// The shop's id of the product.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Unit price, a JSON number.
    pub price: &'a str,
    /// The quantity.
    pub quantity: i64,
    /// Its category.
    pub category: Option<&'a str>,
    /// All other fields.
    pub data_fields: JsonObject,
}

impl TrackPurchaseRequest<'_> {
    /// The body as JSON.
    pub fn into_json(self) -> String {
        let mut user = JsonObject::default();
        self.user.write(&mut user);
        let mut object = JsonObject::default();
        object.json("user", &user.finish());
        object.text("id", self.id);
        object.integer("createdAt", self.created_at);
        object.json("total", self.total);
        object.json("items", self.items);
        object.json("dataFields", &self.data_fields.finish());
        object.finish()
    }
}

impl CommerceItem<'_> {
    /// Writes the item as the members of `object`, and ends it.
    pub fn write<B: BorrowMut<Vec<u8>>>(self, mut object: JsonObject<B>) {
        object.text("id", self.id);
        object.text("sku", self.id);
        object.text("name", self.name);
        object.json("price", self.price);
        object.integer("quantity", self.quantity);
        if let Some(category) = self.category {
            let category = serde_json::Value::from(category).to_string();
            object.array("categories", [category.as_str()]);
        }
        if !self.data_fields.is_empty() {
            object.json("dataFields", &self.data_fields.finish());
        }
        object.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_passed_on_digit_by_digit() {
        let user = User::user_id("ada").unwrap();
        let mut items = b"[".to_vec();
        let item = CommerceItem {
            id: "a1",
            name: "Tea",
            price: "11.90",
            quantity: 2,
            category: Some("Food/Tea"),
            data_fields: JsonObject::default(),
        };
        item.write(JsonObject::begin(&mut items));
        items.push(b']');
        let request = TrackPurchaseRequest {
            user: &user,
            id: "p1",
            created_at: 1_700_000_000,
            total: "23.80",
            items: str::from_utf8(&items).unwrap(),
            data_fields: JsonObject::default(),
        };

        assert_eq!(
            request.into_json(),
            r#"{"user":{"userId":"ada"},"id":"p1","createdAt":1700000000,"total":23.80,"items":[{"id":"a1","sku":"a1","name":"Tea","price":11.90,"quantity":2,"categories":["Food/Tea"]}],"dataFields":{}}"#
        );
    }
}
