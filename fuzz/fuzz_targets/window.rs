//! See [`dpdkgen_fuzz::window`].
#![cfg_attr(fuzzing, no_main)]

dpdkgen_fuzz::target!(window);
