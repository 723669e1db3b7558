//! The content of a commerce event.

use super::{EventData, Field, object::lenient_object};

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
#[derive(Clone, Debug, Default)]
pub struct Commerce<'a> {
    /// The action on products.
    pub product_action: ProductAction<'a>,
    /// The products of the action.
    pub products: Vec<Product<'a>>,
    /// The action on promotions.
    pub promotion_action: PromotionAction<'a>,
    /// The promotions of the action.
    pub promotions: Vec<Promotion<'a>>,
    /// The products that were shown, of all lists.
    pub impressions: Vec<Product<'a>>,
}

impl<'a> Commerce<'a> {
    /// Reads the parts of a commerce event.
    pub fn read(data: &EventData<'a>) -> Self {
        let product_action: ProductAction<'a> = data.product_action.read();
        let promotion_action: PromotionAction<'a> = data.promotion_action.read();
        let shown = |list: Field<'a>| list.read::<ProductImpressions<'a>>().products.items();
        Self {
            products: read_all(product_action.products.items()),
            product_action,
            promotions: read_all(promotion_action.promotions.items()),
            promotion_action,
            impressions: read_all(data.product_impressions.items().into_iter().flat_map(shown)),
        }
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

fn read_all<'a, T: serde::Deserialize<'a> + Default>(
    items: impl IntoIterator<Item = Field<'a>>,
) -> Vec<T> {
    items.into_iter().map(Field::read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read_and_odd_ones_are_empty() {
        let data: EventData<'_> = serde_json::from_str(
            r#"{"product_action":{"action":"purchase","total_amount":"9.50","products":[{"sku":"a1","total_amount":9.5},5]},
                "promotion_action":[],
                "product_impressions":[{"products":[{"id":"b"}]},{},{"products":[{"id":"c"},{"id":"d"}]}]}"#,
        )
        .unwrap();

        let commerce = Commerce::read(&data);

        assert_eq!(commerce.product_action.action.text().unwrap(), "purchase");
        assert_eq!(commerce.products.len(), 2);
        assert_eq!(commerce.products[0].id().text().unwrap(), "a1");
        assert_eq!(commerce.products[0].total_amount().json(), Some("9.5"));
        assert!(commerce.promotion_action.action.text().is_none());
        assert_eq!(commerce.impressions.len(), 3);
    }
}
