//! See [`dpdkgen_fuzz::reflect`].
#![cfg_attr(fuzzing, no_main)]

dpdkgen_fuzz::target!(reflect);
