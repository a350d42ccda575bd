<?php
/**
 * What the theme includes in place of its own comments.php.
 */

defined( 'ABSPATH' ) || exit;

// Escaped where it is made.
echo meydan_place();
