//! The content of a commerce event.

use serde::Deserialize;

use super::{EventData, Field, Kind, object::lenient_object};

lenient_object! {
    /// An action on products.
    pub struct ProductAction<'a> {
        /// `add_to_cart`, `purchase`, `view_detail` and so on.
        pub action: Field<'a>,
        /// The shop's id of the order.
        pub transaction_id: Field<'a>,
        /// Sum of the order.
        pub total_amount: Field<'a>,
        /// Tax within the sum.
        pub tax_amount: Field<'a>,
        /// Shipping within the sum.
        pub shipping_amount: Field<'a>,
        /// Coupon for the whole order.
        pub coupon_code: Field<'a>,
        /// Referring partner of the order.
        pub affiliation: Field<'a>,
        /// Step of the checkout, from 1.
        pub checkout_step: Field<'a>,
        /// The option chosen in that step.
        pub checkout_options: Field<'a>,
        /// Name of the list with the products.
        pub product_action_list: Field<'a>,
        /// Source of that list.
        pub product_list_source: Field<'a>,
        products: Field<'a>,
    }
}

lenient_object! {
    /// An action on promotions.
    pub struct PromotionAction<'a> {
        /// `view` or `click`.
        pub action: Field<'a>,
        promotions: Field<'a>,
    }
}

lenient_object! {
    /// A product of an action or an impression.
    pub struct Product<'a> {
        id: Field<'a>,
        sku: Field<'a>,
        /// Its name.
        pub name: Field<'a>,
        /// Its brand.
        pub brand: Field<'a>,
        /// Its category, levels separated by slashes.
        pub category: Field<'a>,
        /// Its variant, such as a colour.
        pub variant: Field<'a>,
        /// Its position in a list.
        pub position: Field<'a>,
        /// Unit price.
        pub price: Field<'a>,
        /// The quantity; decimals occur.
        pub quantity: Field<'a>,
        /// Coupon for this product.
        pub coupon_code: Field<'a>,
        total_product_amount: Field<'a>,
        total_amount: Field<'a>,
    }
}

lenient_object! {
    /// A promotion.
    pub struct Promotion<'a> {
        /// The shop's id of it.
        pub id: Field<'a>,
        /// Its name.
        pub name: Field<'a>,
        /// The image or text shown.
        pub creative: Field<'a>,
        /// The position where it was shown.
        pub position: Field<'a>,
    }
}

lenient_object! {
    struct ProductImpressions<'a> {
        products: Field<'a>,
    }
}

/// The parts of a commerce event. According to the documentation there is exactly one; a public sample has all three.
///
/// Its lists are read element by element, because an event may have hundreds of thousands of them. An element that is not an
/// object is an `Err`.
#[derive(Clone, Debug, Default)]
pub struct Commerce<'a> {
    /// The action on products.
    pub product_action: ProductAction<'a>,
    /// The action on promotions.
    pub promotion_action: PromotionAction<'a>,
    product_impressions: Field<'a>,
}

impl<'a> Commerce<'a> {
    /// Reads the parts of a commerce event.
    pub fn read(data: &EventData<'a>) -> Self {
        Self {
            product_action: data.product_action.read(),
            promotion_action: data.promotion_action.read(),
            product_impressions: data.product_impressions,
        }
    }

    /// The products of the action.
    pub fn products(&self) -> impl Iterator<Item = Result<Product<'a>, Field<'a>>> {
        self.product_action.products.items().map(read_object)
    }

    /// The promotions of the action.
    pub fn promotions(&self) -> impl Iterator<Item = Result<Promotion<'a>, Field<'a>>> {
        self.promotion_action.promotions.items().map(read_object)
    }

    /// The products that were shown, of all lists.
    pub fn impressions(&self) -> impl Iterator<Item = Result<Product<'a>, Field<'a>>> {
        let shown = |list: Field<'a>| list.read::<ProductImpressions<'a>>().products.items();
        self.product_impressions
            .items()
            .flat_map(shown)
            .map(read_object)
    }
}

impl<'a> Product<'a> {
    /// The shop's id of the product. The web SDK calls it `sku`.
    pub fn id(&self) -> Field<'a> {
        self.id.or_usable(self.sku, |id| id.text().is_some())
    }

    /// Price by quantity. The web SDK calls it `total_amount`.
    pub fn total_amount(&self) -> Field<'a> {
        let is_number = |amount: Field<'a>| amount.decimal().is_some();
        self.total_product_amount
            .or_usable(self.total_amount, is_number)
    }
}

/// The element as a `T`; the element itself if it is not an object.
fn read_object<'a, T: Deserialize<'a> + Default>(element: Field<'a>) -> Result<T, Field<'a>> {
    match element.kind() {
        Kind::Object => Ok(element.read()),
        Kind::Absent | Kind::Boolean | Kind::Number | Kind::String | Kind::Array => Err(element),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read_and_odd_ones_are_told_apart() {
        let data: EventData<'_> = serde_json::from_str(
            r#"{"product_action":{"action":"purchase","total_amount":"9.50","products":[{"sku":"a1","total_amount":9.5},5]},
                "promotion_action":[],
                "product_impressions":[{"products":[{"id":"b"}]},{},{"products":[{"id":"c"},{"id":"d"}]}]}"#,
        )
        .unwrap();

        let commerce = Commerce::read(&data);

        assert_eq!(commerce.product_action.action.text().unwrap(), "purchase");
        let products: Vec<_> = commerce.products().collect();
        assert_eq!(products.len(), 2);
        let product = products[0].as_ref().unwrap();
        assert_eq!(product.id().text().unwrap(), "a1");
        assert_eq!(product.total_amount().json(), Some("9.5"));
        assert_eq!(products[1].as_ref().unwrap_err().json(), Some("5"));
        assert!(commerce.promotion_action.action.text().is_none());
        assert_eq!(commerce.promotions().count(), 0);
        assert_eq!(commerce.impressions().count(), 3);
    }
}
