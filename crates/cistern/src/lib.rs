#![doc = include_str!("../README.md")]

pub mod cli;
pub mod stack;

mod checkout;
mod data_dir;
mod down;
mod generate;
mod http;
mod keys;
mod process;
mod progress;
mod send;
mod status;
mod up;
mod webhook;
